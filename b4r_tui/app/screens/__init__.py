"""The screens of the app, one a file. A screen arranges widgets and turns keys into calls of the core."""
