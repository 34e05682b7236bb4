package sources

import (
	"context"
	"fmt"
	"strconv"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azqueue/v2"
)

// azuriteKey is the published key of Azurite's account.
const azuriteKey = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

// startAzurite starts a service of Azurite, and returns its connection string.
func startAzurite(t *testing.T, service, endpoint string) (connection string, stop func()) {
	t.Helper()
	address := freeAddress(t)
	stop = start(t, address, emulator(t, "node_modules/.bin/azurite-"+service), "--"+service+"Host", "127.0.0.1", "--"+service+"Port", portOf(address),
		"--skipApiVersionCheck", "--inMemoryPersistence", "--disableTelemetry")
	return fmt.Sprintf("DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=%s;%s=http://%s/devstoreaccount1;",
		azuriteKey, endpoint, address), stop
}

func startAzureQueue(t *testing.T) source {
	t.Helper()
	connection, stop := startAzurite(t, "queue", "QueueEndpoint")
	client, err := azqueue.NewQueueClientFromConnectionString(connection, "orders", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Create(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	return source{
		metadata: map[string]string{"queueName": "orders"}, parameters: map[string]string{"connection": connection}, stop: stop,
		set: func(ctx context.Context, n int) error {
			if _, err := client.ClearMessages(ctx, nil); err != nil {
				return err
			}
			for range n {
				if _, err := client.EnqueueMessage(ctx, "order", nil); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func startAzureBlob(t *testing.T) source {
	t.Helper()
	connection, stop := startAzurite(t, "blob", "BlobEndpoint")
	client, err := azblob.NewClientFromConnectionString(connection, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.CreateContainer(t.Context(), "orders", nil); err != nil {
		t.Fatal(err)
	}
	exists := map[string]bool{}
	return source{
		metadata: map[string]string{"blobContainerName": "orders"}, parameters: map[string]string{"connection": connection}, stop: stop,
		set: func(ctx context.Context, n int) error {
			for i := range 3 {
				var err error
				name := strconv.Itoa(i)
				switch {
				case i < n:
					_, err = client.UploadBuffer(ctx, "orders", name, []byte("order"), nil)
				case exists[name]:
					_, err = client.DeleteBlob(ctx, "orders", name, nil)
				}
				if err != nil {
					return err
				}
				exists[name] = i < n
			}
			return nil
		},
	}
}
