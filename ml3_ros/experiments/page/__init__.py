"""The results page: Markdown and overview figure of all experiments, from their metrics files."""
