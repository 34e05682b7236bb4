// Package kedatypes has the constructors of KEDA's scalers by their types: those types that Impulse does not have itself, and those of
// which it cannot read all triggers.
package kedatypes

import (
	"context"
	"fmt"

	"github.com/kedacore/keda/v2/pkg/scalers"
	"github.com/kedacore/keda/v2/pkg/scalers/scalersconfig"
	"sigs.k8s.io/controller-runtime/pkg/client"
	kubeconfig "sigs.k8s.io/controller-runtime/pkg/client/config"
)

// Constructor returns a scaler. ctx ends when the scaler is closed.
type Constructor func(ctx context.Context, config *scalersconfig.ScalerConfig) (scalers.Scaler, error)

// All returns the constructors by type.
func All() map[string]Constructor { //nolint:funlen // One line per type.
	return map[string]Constructor{
		"activemq":                plain(scalers.NewActiveMQScaler),
		"apache-kafka":            scalers.NewApacheKafkaScaler,
		"arangodb":                plain(scalers.NewArangoDBScaler),
		"artemis-queue":           plain(scalers.NewArtemisQueueScaler),
		"aws-cloudwatch":          scalers.NewAwsCloudwatchScaler,
		"aws-dynamodb":            scalers.NewAwsDynamoDBScaler,
		"aws-dynamodb-streams":    scalers.NewAwsDynamoDBStreamsScaler,
		"aws-kinesis-stream":      scalers.NewAwsKinesisStreamScaler,
		"aws-sqs-queue":           scalers.NewAwsSqsQueueScaler,
		"azure-app-insights":      plain(scalers.NewAzureAppInsightsScaler),
		"azure-blob":              plain(scalers.NewAzureBlobScaler),
		"azure-cosmosdb":          plain(scalers.NewAzureCosmosDBScaler),
		"azure-data-explorer":     plain(scalers.NewAzureDataExplorerScaler),
		"azure-eventhub":          plain(scalers.NewAzureEventHubScaler),
		"azure-log-analytics":     plain(scalers.NewAzureLogAnalyticsScaler),
		"azure-monitor":           plain(scalers.NewAzureMonitorScaler),
		"azure-pipelines":         scalers.NewAzurePipelinesScaler,
		"azure-queue":             plain(scalers.NewAzureQueueScaler),
		"azure-servicebus":        plain(scalers.NewAzureServiceBusScaler),
		"beanstalkd":              plain(scalers.NewBeanstalkdScaler),
		"cassandra":               plain(scalers.NewCassandraScaler),
		"clickhouse":              plain(scalers.NewClickHouseScaler),
		"couchdb":                 scalers.NewCouchDBScaler,
		"datadog":                 plain(scalers.NewDatadogScaler),
		"dynatrace":               plain(scalers.NewDynatraceScaler),
		"elastic-forecast":        plain(scalers.NewElasticForecastScaler),
		"elasticsearch":           plain(scalers.NewElasticsearchScaler),
		"etcd":                    plain(scalers.NewEtcdScaler),
		"forgejo-runner":          plain(scalers.NewForgejoRunnerScaler),
		"gcp-cloudtasks":          plain(scalers.NewGcpCloudTasksScaler),
		"gcp-pubsub":              plain(scalers.NewPubSubScaler),
		"gcp-spanner":             plain(scalers.NewGcpSpannerScaler),
		"gcp-stackdriver":         scalers.NewStackdriverScaler,
		"gcp-storage":             plain(scalers.NewGcsScaler),
		"github-runner":           plain(scalers.NewGitHubRunnerScaler),
		"graphite":                plain(scalers.NewGraphiteScaler),
		"huawei-cloudeye":         plain(scalers.NewHuaweiCloudeyeScaler),
		"ibmmq":                   plain(scalers.NewIBMMQScaler),
		"influxdb":                plain(scalers.NewInfluxDBScaler),
		"kafka":                   scalers.NewKafkaScaler,
		"kubernetes-resource":     kubernetesResource,
		"liiklus":                 plain(scalers.NewLiiklusScaler),
		"loki":                    plain(scalers.NewLokiScaler),
		"mongodb":                 scalers.NewMongoDBScaler,
		"mssql":                   scalers.NewMSSQLScaler,
		"new-relic":               plain(scalers.NewNewRelicScaler),
		"nsq":                     plain(scalers.NewNSQScaler),
		"opensearch":              plain(scalers.NewOpensearchScaler),
		"openstack-metric":        scalers.NewOpenstackMetricScaler,
		"openstack-swift":         scalers.NewOpenstackSwiftScaler,
		"postgresql":              scalers.NewPostgreSQLScaler,
		"predictkube":             predictKube,
		"prometheus":              plain(scalers.NewPrometheusScaler),
		"pulsar":                  plain(scalers.NewPulsarScaler),
		"rabbitmq":                plain(scalers.NewRabbitMQScaler),
		"selenium-grid":           plain(scalers.NewSeleniumGridScaler),
		"solace-direct-messaging": plain(scalers.NewSolaceDMScaler),
		"solace-event-queue":      plain(scalers.NewSolaceScaler),
		"solarwinds":              plain(scalers.NewSolarWindsScaler),
		"solr":                    plain(scalers.NewSolrScaler),
		"splunk":                  plain(scalers.NewSplunkScaler),
		"splunk-observability":    plain(scalers.NewSplunkObservabilityScaler),
		"sumologic":               plain(scalers.NewSumologicScaler),
		"temporal":                scalers.NewTemporalScaler,
	}
}

// plain adapts a constructor that does no I/O.
func plain(construct func(*scalersconfig.ScalerConfig) (scalers.Scaler, error)) Constructor {
	return func(_ context.Context, config *scalersconfig.ScalerConfig) (scalers.Scaler, error) {
		return construct(config)
	}
}

// kubernetesResource reads objects with the service account of the Pod.
func kubernetesResource(_ context.Context, config *scalersconfig.ScalerConfig) (scalers.Scaler, error) {
	cluster, err := kubeconfig.GetConfig()
	if err != nil {
		return nil, fmt.Errorf("find the cluster: %w", err)
	}
	c, err := client.New(cluster, client.Options{})
	if err != nil {
		return nil, fmt.Errorf("set up the Kubernetes client: %w", err)
	}
	return scalers.NewKubernetesResourceScaler(c, config)
}

// predictKube adapts a constructor with a type of its own.
func predictKube(ctx context.Context, config *scalersconfig.ScalerConfig) (scalers.Scaler, error) {
	s, err := scalers.NewPredictKubeScaler(ctx, config)
	if err != nil { // A nil *PredictKubeScaler is not a nil Scaler.
		return nil, err
	}
	return s, nil
}
