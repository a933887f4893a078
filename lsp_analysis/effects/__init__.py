"""What works? Effects of a programme, with inference that holds for one treated neighbourhood."""
