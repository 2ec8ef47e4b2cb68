"""The parts screens are made of, one a file. A widget shows what it is given and owns no data source."""
