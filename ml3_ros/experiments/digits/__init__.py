"""Binary classification of digits (Fig. 2, bottom): learned losses beside cross entropy."""
