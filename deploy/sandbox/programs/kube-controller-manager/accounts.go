package main

import (
	"context"
	"fmt"

	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/controller/certificates/rootcacertpublisher"
	"k8s.io/kubernetes/pkg/controller/clusterroleaggregation"
	serviceaccountcontroller "k8s.io/kubernetes/pkg/controller/serviceaccount"
	"k8s.io/kubernetes/pkg/serviceaccount"
)

// serviceAccountTokens fills Secrets that request the token of a service account.
func serviceAccountTokens(ctx context.Context, c *cluster) (loop, error) {
	client, err := c.root.Client("tokens-controller")
	if err != nil {
		return nil, fmt.Errorf("create the client of tokens-controller: %w", err)
	}
	generator, err := serviceaccount.JWTTokenGenerator(serviceaccount.LegacyIssuer, c.signer)
	if err != nil {
		return nil, fmt.Errorf("sign tokens of service accounts: %w", err)
	}
	core := c.informers.Core().V1()
	controller, err := serviceaccountcontroller.NewTokensController(klog.FromContext(ctx), core.ServiceAccounts(), core.Secrets(), client,
		serviceaccountcontroller.TokensControllerOptions{TokenGenerator: generator, RootCA: c.ca})
	if err != nil {
		return nil, fmt.Errorf("create the controller of service account tokens: %w", err)
	}
	return func(ctx context.Context) { controller.Run(ctx, workers) }, nil
}

// serviceAccounts gives every namespace its default service account.
func serviceAccounts(ctx context.Context, c *cluster) (loop, error) {
	client, _, err := c.client("service-account-controller")
	if err != nil {
		return nil, err
	}
	core := c.informers.Core().V1()
	controller, err := serviceaccountcontroller.NewServiceAccountsController(klog.FromContext(ctx), core.ServiceAccounts(), core.Namespaces(),
		client, serviceaccountcontroller.DefaultServiceAccountsControllerOptions())
	if err != nil {
		return nil, fmt.Errorf("create the controller of service accounts: %w", err)
	}
	return func(ctx context.Context) { controller.Run(ctx, 1) }, nil
}

// rootCertificates publishes the certificate authority to every namespace.
func rootCertificates(_ context.Context, c *cluster) (loop, error) {
	client, _, err := c.client("root-ca-cert-publisher")
	if err != nil {
		return nil, err
	}
	core := c.informers.Core().V1()
	controller, err := rootcacertpublisher.NewPublisher(core.ConfigMaps(), core.Namespaces(), client, c.ca)
	if err != nil {
		return nil, fmt.Errorf("create the publisher of the certificate authority: %w", err)
	}
	return func(ctx context.Context) { controller.Run(ctx, 1) }, nil
}

func clusterRoles(_ context.Context, c *cluster) (loop, error) {
	client, _, err := c.client("clusterrole-aggregation-controller")
	if err != nil {
		return nil, err
	}
	controller := clusterroleaggregation.NewClusterRoleAggregation(c.informers.Rbac().V1().ClusterRoles(), client.RbacV1())
	return func(ctx context.Context) { controller.Run(ctx, workers) }, nil
}
