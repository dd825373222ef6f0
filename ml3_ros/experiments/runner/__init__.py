"""What experiments share: seeds in processes, sweeps, choice of step sizes, the page's sections."""
