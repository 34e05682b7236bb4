-- Impulse decides and reports, and writes no counts, as impulse dry-run on does.
obj.spec.dryRun = true
return obj
