"""What could mislead us? Checks of one estimate, each with its verdict."""
