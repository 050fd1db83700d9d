-- Keycloak keeps its tables in a database of its own: Gatehouse's self-check knows every table of its own one.
create database keycloak;
