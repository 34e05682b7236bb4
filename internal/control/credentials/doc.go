// Package credentials reads the credentials of triggers: the parameters that TriggerAuthentications and ClusterTriggerAuthentications
// define, and the environment variables that metadata name.
package credentials
