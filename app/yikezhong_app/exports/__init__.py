"""Reports and static maps: XLSX, DOCX, PNG and SVG of a result."""
