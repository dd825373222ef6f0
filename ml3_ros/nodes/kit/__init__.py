"""What all nodes share: lifecycle base, parameters, diagnostics, streams, guards of commands."""
