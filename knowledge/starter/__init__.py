"""The texts that come with the program, with their vectors and the questions and quotations to try it by."""
