"""The rules, one pitfall in each module. A module holds its rule as `RULE`; `gradguard.catalogue` finds it."""
