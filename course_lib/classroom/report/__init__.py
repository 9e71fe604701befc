"""What an instructor gets from a graded batch: tables for machines, pages for people."""
