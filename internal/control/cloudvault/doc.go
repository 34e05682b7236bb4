// Package cloudvault reads secrets of Azure Key Vault, AWS Secrets Manager and Google Secret Manager through the KEDA bridge, which has the
// libraries of the clouds. The servers that a vault names are checked with the rules for sources before the bridge is asked.
package cloudvault
