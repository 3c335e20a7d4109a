"""What a query finds: ``search.py`` is the door, the other modules each decide one step."""
