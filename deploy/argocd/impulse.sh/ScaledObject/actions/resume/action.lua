-- Ends every pause, as impulse resume does.
local names = { "paused", "paused-replicas", "paused-scale-in", "paused-scale-out", "paused-until", "paused-reason" }
local annotations = obj.metadata.annotations or {}
for _, group in ipairs({ "impulse.sh/", "autoscaling.keda.sh/" }) do
  for _, name in ipairs(names) do
    annotations[group .. name] = nil
  end
end
-- Argo CD takes an empty table for a list, and keeps the old annotations then.
if next(annotations) == nil then
  annotations = nil
end
obj.metadata.annotations = annotations
return obj
