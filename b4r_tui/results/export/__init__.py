"""Leaderboards as files for papers, spreadsheets and browsers; one format a file, all from one table.

It turns data into text or bytes and writes nothing itself.
"""
