"""Logs of any size: text safe to show, levels of lines, an index of line ends, searches and filters over it.

Reads log files and never writes them; knows neither runs nor the screen.
"""
