package main

import (
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/impulse-sh/impulse/internal/kube/config"
)

// connectionMark is the annotation of the flags that the help of a command omits, because `impulse options` lists them.
const connectionMark = "impulse.sh/connection"

// bindConnection adds kubectl's flags that select a cluster and a user to a command. The flag --namespace is not one of them: its meaning
// depends on the command. without names flags that would mislead.
func bindConnection(cmd *cobra.Command, c *config.Cluster, without ...string) {
	own := cmd.Flags()
	flags := connectionFlags(c)
	flags.VisitAll(func(f *pflag.Flag) {
		if !slices.Contains(without, f.Name) {
			own.AddFlag(f)
			_ = own.SetAnnotation(f.Name, connectionMark, []string{"true"}) // The flag exists.
		}
	})
	names := func(of func(*api.Config) []string) cobra.CompletionFunc {
		return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			raw, err := c.Find().RawConfig()
			if err != nil {
				return nil, cobra.ShellCompDirectiveError
			}
			return of(&raw), cobra.ShellCompDirectiveNoFileComp
		}
	}
	_ = cmd.RegisterFlagCompletionFunc(clientcmd.FlagContext, names(func(raw *api.Config) []string { return slices.Sorted(maps.Keys(raw.Contexts)) }))
	_ = cmd.RegisterFlagCompletionFunc(clientcmd.FlagClusterName, names(func(raw *api.Config) []string { return slices.Sorted(maps.Keys(raw.Clusters)) }))
	_ = cmd.RegisterFlagCompletionFunc(clientcmd.FlagAuthInfoName, names(func(raw *api.Config) []string { return slices.Sorted(maps.Keys(raw.AuthInfos)) }))
}

// connectionFlags returns the flags that select a cluster and a user. Their names are those of kubectl.
func connectionFlags(c *config.Cluster) *pflag.FlagSet {
	flags := pflag.NewFlagSet("connection", pflag.ContinueOnError)
	flags.StringVar(&c.Kubeconfig, clientcmd.RecommendedConfigPathFlag, "", "kubeconfig file (default: $KUBECONFIG, ~/.kube/config, or the Pod's service account)")
	names := clientcmd.RecommendedConfigOverrideFlags("")
	names.ContextOverrideFlags.Namespace = clientcmd.FlagInfo{}
	names.AuthOverrideFlags.Username, names.AuthOverrideFlags.Password = clientcmd.FlagInfo{}, clientcmd.FlagInfo{} // No API server accepts them any more.
	for of, text := range map[*clientcmd.FlagInfo]string{
		&names.CurrentContext:                             "context of the kubeconfig",
		&names.Timeout:                                    "maximum time of one request, such as 30s (0: any time)",
		&names.ContextOverrideFlags.ClusterName:           "cluster of the kubeconfig, instead of that of the context",
		&names.ContextOverrideFlags.AuthInfoName:          "user of the kubeconfig, instead of that of the context",
		&names.AuthOverrideFlags.ClientCertificate:        "PEM file with a client certificate",
		&names.AuthOverrideFlags.ClientKey:                "PEM file with the private key of the client certificate",
		&names.AuthOverrideFlags.Token:                    "bearer token for the API server; other processes of this machine can read it",
		&names.AuthOverrideFlags.Impersonate:              "user to impersonate",
		&names.AuthOverrideFlags.ImpersonateUID:           "UID to impersonate",
		&names.AuthOverrideFlags.ImpersonateGroups:        "group to impersonate; may be repeated",
		&names.ClusterOverrideFlags.APIServer:             "URL of the API server",
		&names.ClusterOverrideFlags.CertificateAuthority:  "PEM file with the CA certificates that verify the API server's certificate",
		&names.ClusterOverrideFlags.InsecureSkipTLSVerify: "do not verify the API server's certificate",
		&names.ClusterOverrideFlags.TLSServerName:         "name that the API server's certificate must have, instead of its host name",
		&names.ClusterOverrideFlags.ProxyURL:              "URL of a proxy to the API server",
		&names.ClusterOverrideFlags.DisableCompression:    "do not request compressed answers",
	} {
		of.Description = text
	}
	clientcmd.BindOverrideFlags(&c.Overrides, flags, names)
	return flags
}

// connectionNames returns the names of the connection flags of a command.
func connectionNames(cmd *cobra.Command) []string {
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Annotations[connectionMark] != nil {
			names = append(names, f.Name)
		}
	})
	return names
}

// ownFlags returns the flags of a command that its help lists, and whether it has others.
func ownFlags(cmd *cobra.Command) (own *pflag.FlagSet, connects bool) {
	own = pflag.NewFlagSet(cmd.Name(), pflag.ContinueOnError)
	cmd.NonInheritedFlags().VisitAll(func(f *pflag.Flag) {
		if f.Annotations[connectionMark] != nil {
			connects = true
		} else {
			own.AddFlag(f)
		}
	})
	return own, connects
}

// optionsCommand returns the command that lists the connection flags, as kubectl options does.
func optionsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "options",
		Short: "List the flags of all commands that connect to a cluster",
		Long:  "Options lists the flags that every command has that connects to a cluster. They have the same meaning as for kubectl.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cmd.Print(strings.TrimRight(connectionFlags(&config.Cluster{}).FlagUsages(), "\n") + "\n")
			return nil
		},
	}
}
