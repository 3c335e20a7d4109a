"""How what files hold becomes a work: records in reading order, sections, passages, the terms they are searched by."""
