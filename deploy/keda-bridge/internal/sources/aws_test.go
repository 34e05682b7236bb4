package sources

import (
	"context"
	"fmt"
	"strconv"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamodbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"

	"github.com/impulse-sh/impulse/deploy/keda-bridge/internal/bridgeapi"
)

// region is the region of the emulators.
const region = "us-east-1"

// awsParameters are credentials that the emulators accept.
var awsParameters = map[string]string{"awsAccessKeyID": "AKIDEXAMPLE", "awsSecretAccessKey": "wJalrXUtnFEMI"}

// awsClient returns the configuration of a client of an emulator.
func awsClient(address string) aws.Config {
	return aws.Config{
		Region: region, BaseEndpoint: aws.String("http://" + address),
		Credentials: credentials.NewStaticCredentialsProvider(awsParameters["awsAccessKeyID"], awsParameters["awsSecretAccessKey"], ""),
	}
}

func startDynamoDB(t *testing.T) source {
	t.Helper()
	address := freeAddress(t)
	stop := start(t, address, emulator(t, "node_modules/.bin/dynalite"), "--port", portOf(address), "--createTableMs", "0")
	client := dynamodb.NewFromConfig(awsClient(address))
	if _, err := client.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: aws.String("orders"), BillingMode: dynamodbtypes.BillingModePayPerRequest,
		KeySchema: []dynamodbtypes.KeySchemaElement{
			{AttributeName: aws.String("state"), KeyType: dynamodbtypes.KeyTypeHash}, {AttributeName: aws.String("id"), KeyType: dynamodbtypes.KeyTypeRange},
		},
		AttributeDefinitions: []dynamodbtypes.AttributeDefinition{
			{AttributeName: aws.String("state"), AttributeType: dynamodbtypes.ScalarAttributeTypeS},
			{AttributeName: aws.String("id"), AttributeType: dynamodbtypes.ScalarAttributeTypeS},
		},
	}); err != nil {
		t.Fatal(err)
	}
	eventually(t, func(ctx context.Context) bool {
		d, err := client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: aws.String("orders")})
		return err == nil && d.Table.TableStatus == dynamodbtypes.TableStatusActive
	}, func() string { return "the table does not become active" })
	return source{
		metadata: map[string]string{
			"tableName": "orders", "awsRegion": region, "awsEndpoint": "http://" + address, "targetValue": "1",
			"keyConditionExpression": "#s = :s", "expressionAttributeNames": `{"#s": "state"}`, "expressionAttributeValues": `{":s": {"S": "waiting"}}`,
		},
		parameters: awsParameters, stop: stop,
		set: func(ctx context.Context, n int) error {
			for i := range 3 {
				key := map[string]dynamodbtypes.AttributeValue{
					"state": &dynamodbtypes.AttributeValueMemberS{Value: "waiting"}, "id": &dynamodbtypes.AttributeValueMemberS{Value: strconv.Itoa(i)},
				}
				var err error
				if i < n {
					_, err = client.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String("orders"), Item: key})
				} else {
					_, err = client.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: aws.String("orders"), Key: key})
				}
				if err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// startDynamoDBWithIdentity is startDynamoDB for a trigger without credentials: the environment of the process has an identity.
func startDynamoDBWithIdentity(t *testing.T) source {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", awsParameters["awsAccessKeyID"])
	t.Setenv("AWS_SECRET_ACCESS_KEY", awsParameters["awsSecretAccessKey"])
	s := startDynamoDB(t)
	s.parameters, s.identity = nil, &bridgeapi.PodIdentity{Provider: "aws"}
	return s
}

func startKinesis(t *testing.T) source {
	t.Helper()
	address := freeAddress(t)
	stop := start(t, address, emulator(t, "node_modules/.bin/kinesalite"), "--port", portOf(address), "--createStreamMs", "0", "--updateStreamMs", "0", "--deleteStreamMs", "0")
	client := kinesis.NewFromConfig(awsClient(address))
	stream := aws.String("orders")
	return source{
		metadata:   map[string]string{"streamName": "orders", "awsRegion": region, "awsEndpoint": "http://" + address, "shardCount": "1"},
		parameters: awsParameters, stop: stop,
		set: func(ctx context.Context, n int) error {
			// The emulator cannot change the number of shards at once: the stream is created anew.
			_, err := client.DeleteStream(ctx, &kinesis.DeleteStreamInput{StreamName: stream})
			if err != nil && n != 1 {
				return err
			}
			eventually(t, func(ctx context.Context) bool { //nolint:contextcheck // It has the context of the test.
				_, err = client.CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: stream, ShardCount: aws.Int32(int32(n))})
				return err == nil
			}, func() string { return fmt.Sprint("create the stream: ", err) })
			return nil
		},
	}
}
