"""The partnership: its plan, activities, money, and what its agencies may share."""
