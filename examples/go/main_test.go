package main

import (
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// bytesOf is a text of docs/vectors.json in hexadecimal.
type bytesOf []byte

func (b *bytesOf) UnmarshalText(text []byte) (err error) {
	*b, err = hex.DecodeString(string(text))
	return err
}

type signed struct {
	Of      []string
	Headers []bytesOf `json:"signature_headers"`
}

var vectors struct {
	Author struct {
		PublicKey bytesOf `json:"public_key"`
	}
	Events []struct {
		Name, Key          string
		Attributes         map[string]string
		Value, Fingerprint bytesOf
		Data               map[string]any
	}
	Single, Batch signed
	Partitions    []struct {
		Ticket     string
		Partitions map[int]int
	}
}

func TestMain(m *testing.M) {
	os.Setenv("HUTONG_ENVIRONMENT", "test")
	os.Setenv("HUTONG_SCHEMAS", "../../schemas")
	must(0, json.Unmarshal(must(os.ReadFile("../../docs/vectors.json")), &vectors))
	os.Exit(m.Run())
}

// record is an event of the vectors as its author would send it, and as a city passes it on.
func record(name string, signature []byte) *kgo.Record {
	for _, event := range vectors.Events {
		if event.Name != name {
			continue
		}
		record := &kgo.Record{Key: []byte(event.Key), Value: slices.Clone(event.Value)}
		for name, text := range event.Attributes {
			record.Headers = append(record.Headers, kgo.RecordHeader{Key: name, Value: []byte(text)})
		}
		for name, value := range map[string][]byte{"signature": signature, "ledger": []byte("1"), "delivery": []byte("2")} {
			record.Headers = append(record.Headers, kgo.RecordHeader{Key: name, Value: slices.Clone(value)})
		}
		return record
	}
	panic("no event " + name)
}

func TestFingerprintsAreThoseOfTheVectors(t *testing.T) {
	for _, event := range vectors.Events {
		if found := fingerprint(record(event.Name, nil)); found != string(event.Fingerprint) {
			t.Errorf("%s: %x", event.Name, found)
		}
	}
}

func TestSignaturesHoldAloneAndInABatch(t *testing.T) {
	for _, one := range []signed{vectors.Single, vectors.Batch} {
		for i, name := range one.Of {
			if !holds(record(name, one.Headers[i]), []any{[]byte(vectors.Author.PublicKey)}) {
				t.Errorf("%s, %d of %d, does not hold", name, i+1, len(one.Of))
			}
		}
	}
}

func TestNothingThatWasSignedMayChange(t *testing.T) {
	keys := []any{[]byte(vectors.Author.PublicKey)}
	for _, one := range []signed{vectors.Single, vectors.Batch} {
		for i, name := range one.Of {
			whole := record(name, one.Headers[i])
			parts := [][]byte{whole.Key, whole.Value}
			for _, header := range whole.Headers {
				if header.Key != "ledger" && header.Key != "delivery" {
					parts = append(parts, header.Value)
				}
			}
			for number, part := range parts {
				for at := range part {
					part[at] ^= 1
					if holds(whole, keys) {
						t.Errorf("%s holds though byte %d of part %d is another", name, at, number)
					}
					part[at] ^= 1
				}
			}
			if !holds(whole, keys) {
				t.Errorf("%s was put back, and does not hold", name)
			}
		}
	}
}

func TestAPathOfAnotherLengthAStrangersKeyAndAnAddedHeaderDoNotHold(t *testing.T) {
	key := []byte(vectors.Author.PublicKey)
	whole := []byte(vectors.Batch.Headers[0])
	for _, signature := range [][]byte{nil, whole[:80], whole[:len(whole)-32], whole[:len(whole)-1],
		slices.Concat(whole, make([]byte, 32))} {
		if holds(record("filed", signature), []any{key}) {
			t.Errorf("a signature of %d bytes holds", len(signature))
		}
	}
	stranger, _, _ := ed25519.GenerateKey(nil)
	if holds(record("filed", vectors.Single.Headers[0]), []any{[]byte(stranger)}) {
		t.Error("it holds by a stranger's key")
	}
	more := record("filed", vectors.Single.Headers[0])
	more.Headers = append(more.Headers, kgo.RecordHeader{Key: "ce_type", Value: []byte("complaint.closed.v1")})
	if holds(more, []any{key}) {
		t.Error("a header was added, and it holds")
	}
}

func TestValuesDecodeAsTheVectorsSay(t *testing.T) {
	for _, event := range vectors.Events {
		fields := decode(record(event.Name, nil))
		for name, value := range event.Data {
			if _, plain := value.(string); plain && fields[name] != value {
				t.Errorf("%s: %s is %v", event.Name, name, fields[name])
			}
		}
	}
}

func TestKafkasPartitionerIsThatOfThePage(t *testing.T) {
	hashing := kgo.StickyKeyPartitioner(nil).ForTopic("submissions") // of a key what franz-go does unless told
	for _, one := range vectors.Partitions {
		for n, partition := range one.Partitions {
			if found := hashing.Partition(&kgo.Record{Key: []byte(one.Ticket)}, n); found != partition {
				t.Errorf("%s stands in %d of %d, not in %d", one.Ticket, partition, n, found)
			}
		}
	}
}
