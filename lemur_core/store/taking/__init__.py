"""Take in results from elsewhere: LEMUR's files, LEMUR's database, another of lemur's."""
