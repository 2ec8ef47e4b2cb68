"""Changes to an experiments file that keep its comments and layout."""
