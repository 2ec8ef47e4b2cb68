"""The main screen: experiments, runs, and the selected run in detail."""
