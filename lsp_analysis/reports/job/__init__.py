"""What is to be made: reports chosen, checked, fingerprinted, recorded, and written whole."""
