"""What a question is made of: a tidy table and its dates, or an indicator of a study."""
