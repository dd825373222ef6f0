"""Report of `ml3 identify`: figures, tables, HTML page, friction file."""
