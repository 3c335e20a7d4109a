"""What is wrong with the texts of the corpus."""
