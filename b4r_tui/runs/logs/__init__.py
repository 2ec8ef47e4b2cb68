"""Logs of any size: text that is safe to show, levels of lines, an index of lines, searches and filters over it.

It reads log files and never writes them; it knows neither runs nor the screen.
"""
