"""AdventureWorks Cycles, a sample database of a bicycle maker."""
