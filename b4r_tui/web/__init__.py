"""The app in a browser: a small web server on this machine, and one process of the app per tab."""
