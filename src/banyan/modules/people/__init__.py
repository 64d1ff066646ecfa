"""Employees, teams, skills, shifts and attendance."""
