"""Models of an arm that least squares or ridge regression fits to samples."""
