"""What comes out: reports in JSON and CSV, pages, pictures, tables and summaries."""
