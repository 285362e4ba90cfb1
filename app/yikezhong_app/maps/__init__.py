"""Map pages: a Folium scaffold made of our own constants, all data fetched later."""
