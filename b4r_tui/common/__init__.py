"""What every floor above may use: words for numbers, and facts about the machine."""
