"""What readers see of the corpus: the catalogue, sections, citations, the line of the day, their bookmarks."""
