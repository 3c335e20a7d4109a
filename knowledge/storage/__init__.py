"""How an outlined work enters the database and leaves it."""
