"""Import results from LEMUR's files, LEMUR's database, other lemur databases and plugins."""
