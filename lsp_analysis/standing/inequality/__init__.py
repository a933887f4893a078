"""Over a whole borough: gradients by deprivation, segregation, clustering, life expectancy."""
