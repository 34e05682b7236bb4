package keda

// kedaType is one type of KEDA that the bridge reads.
type kedaType struct {
	name string
	// level is a sentence about what is measured.
	level string
	// run is the program with which a test runs the type; "" if it does not.
	run string
	// readsAsZero is what KEDA's scaler reads as 0, although the level is not known; "" if nothing.
	readsAsZero string
}

// types are all types of KEDA 2.21 that have no kind of their own.
var types = []kedaType{
	{name: "activemq", level: "Messages in a queue of ActiveMQ."},
	{name: "arangodb", level: "The result of an AQL query of ArangoDB."},
	{name: "artemis-queue", level: "Messages in a queue of ActiveMQ Artemis."},
	{name: "aws-cloudwatch", level: "A metric of Amazon CloudWatch."},
	{name: "aws-dynamodb", level: "Items that a query of Amazon DynamoDB finds.", run: "dynalite, an emulator"},
	{name: "aws-dynamodb-streams", level: "Shards of a stream of Amazon DynamoDB."},
	{name: "aws-kinesis-stream", level: "Shards of a stream of Amazon Kinesis.", run: "kinesalite, an emulator"},
	{name: "aws-sqs-queue", level: "Messages in a queue of Amazon SQS."},
	{name: "azure-app-insights", level: "A metric of Azure Application Insights."},
	{name: "azure-blob", level: "Blobs in a container of Azure Blob Storage.", run: "Azurite, an emulator"},
	{name: "azure-cosmosdb", level: "Unprocessed changes of a container of Azure Cosmos DB."},
	{name: "azure-data-explorer", level: "The result of a query of Azure Data Explorer."},
	{name: "azure-eventhub", level: "Unprocessed events of an Azure Event Hub."},
	{name: "azure-log-analytics", level: "The result of a query of Azure Log Analytics."},
	{name: "azure-monitor", level: "A metric of Azure Monitor."},
	{name: "azure-pipelines", level: "Waiting jobs of a pool of Azure Pipelines."},
	{name: "azure-queue", level: "Messages in a queue of Azure Storage.", run: "Azurite, an emulator"},
	{name: "azure-servicebus", level: "Messages in a queue or subscription of Azure Service Bus."},
	{name: "beanstalkd", level: "Jobs in a tube of beanstalkd.", run: "beanstalkd"},
	{name: "cassandra", level: "The result of a CQL query of Cassandra."},
	{name: "clickhouse", level: "The result of a query of ClickHouse.", readsAsZero: "a query that finds no row"},
	{name: "couchdb", level: "Documents that a query of CouchDB finds."},
	{name: "datadog", level: "The result of a query of Datadog."},
	{name: "dynatrace", level: "A metric of Dynatrace."},
	{name: "elastic-forecast", level: "The forecast of a machine learning job of Elasticsearch.", readsAsZero: "a forecast that does not exist yet"},
	{name: "elasticsearch", level: "The result of a search of Elasticsearch."},
	{name: "etcd", level: "The number in a key of etcd.", run: "etcd"},
	{name: "forgejo-runner", level: "Waiting jobs of a Forgejo server."},
	{name: "gcp-cloudtasks", level: "Tasks in a queue of Google Cloud Tasks."},
	{name: "gcp-pubsub", level: "A metric of a subscription or topic of Google Cloud Pub/Sub."},
	{name: "gcp-spanner", level: "The result of a query of Google Cloud Spanner.", readsAsZero: "a query that finds no row"},
	{name: "gcp-stackdriver", level: "A metric of Google Cloud Monitoring."},
	{name: "gcp-storage", level: "Objects in a bucket of Google Cloud Storage.", readsAsZero: "a bucket that does not exist"},
	{name: "github-runner", level: "Waiting jobs of GitHub Actions."},
	{name: "graphite", level: "The result of a query of Graphite.", readsAsZero: "an answer without a series or without a point"},
	{name: "huawei-cloudeye", level: "A metric of Huawei Cloud Eye."},
	{name: "ibmmq", level: "Messages in a queue of IBM MQ."},
	{name: "influxdb", level: "The result of a query of InfluxDB."},
	{name: "kubernetes-resource", level: "A field of Kubernetes objects.", run: "kube-apiserver"},
	{name: "liiklus", level: "The lag of a consumer group of Liiklus."},
	{name: "loki", level: "The result of a LogQL query of Loki.", readsAsZero: "a null in an answer"},
	{name: "mongodb", level: "Documents that a query of MongoDB finds."},
	{name: "mssql", level: "The result of a query of SQL Server."},
	{name: "new-relic", level: "The result of a NRQL query of New Relic."},
	{name: "nsq", level: "Messages of a channel of NSQ.", run: "nsqd and nsqlookupd", readsAsZero: "a topic that no nsqd has"},
	{name: "opensearch", level: "The result of a search of OpenSearch."},
	{name: "openstack-metric", level: "A metric of OpenStack Gnocchi."},
	{name: "openstack-swift", level: "Objects in a container of OpenStack Swift."},
	{name: "predictkube", level: "The forecast of PredictKube."},
	{name: "pulsar", level: "The backlog of a subscription of Pulsar."},
	{name: "selenium-grid", level: "Waiting sessions of a Selenium Grid."},
	{name: "solace-direct-messaging", level: "Messages of a client of Solace PubSub+."},
	{name: "solace-event-queue", level: "Messages in a queue of Solace PubSub+."},
	{name: "solarwinds", level: "A metric of SolarWinds Observability."},
	{name: "solr", level: "Documents that a query of Solr finds."},
	{name: "splunk", level: "The result of a saved search of Splunk."},
	{name: "splunk-observability", level: "A metric of Splunk Observability Cloud."},
	{name: "sumologic", level: "The result of a query of Sumo Logic."},
	{name: "temporal", level: "The backlog of a task queue of Temporal."},
}
