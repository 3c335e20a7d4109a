"""How well the search and the quotation check do on questions whose answers are known."""
