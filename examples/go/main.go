// A client of Hutong in one file, written from docs/wire.md. It verifies what its organisation was delivered and, given
// an event, submits that first and goes on until the event's receipt, or its refusal, has come:
//
//	go run . [TICKET SCHEMA-ID DATA]
package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/kgo"
)

func main() {
	submitted, marks := "", map[string]uint64{}
	if len(os.Args) == 4 {
		submitted = submit(os.Args[1], os.Args[2], os.Args[3])
	}
	deliveries, registrar := reader("deliveries."+setting("ORGANISATION")), reader("directory")
	for {
		record := next(deliveries)
		stream, n := header(record, "delivery")[:5], number(header(record, "delivery")[5:])
		if n <= marks[stream] {
			continue // handled before
		} else if n > marks[stream]+1 {
			log.Fatalf("n=%d follows n=%d: deliveries are missing", n, marks[stream])
		}
		marks[stream] = n
		name, author, signature := fingerprint(record), header(record, "ce_source"), header(record, "signature")
		if refusal := header(record, "refusal"); stream[0] == 1 {
			fmt.Printf("n=%d %x was refused as %s\n", n, name, refusal[3:3+number(refusal[1:3])])
		} else if !holds(record, keys(registrar, author, number(header(record, "ledger")[24:32]))) {
			log.Fatalf("n=%d %x is not signed by %s", n, name, author)
		} else {
			fmt.Printf("n=%d %x is signed by %s, %d of %d: %s of %s %s\n", n, name, author, number(signature[13:17])+1,
				number(signature[9:13]), header(record, "ce_type"), record.Key, must(json.Marshal(decode(record))))
		}
		if name == submitted {
			os.Exit(int(stream[0])) // 0: it stands on the ledger; 1: it was refused
		}
	}
}

// submit signs an event alone, sends it, and tells its fingerprint.
func submit(ticket, schemaID, data string) string {
	block, _ := pem.Decode(must(os.ReadFile(setting("KEY"))))
	key := must(x509.ParsePKCS8PrivateKey(block.Bytes)).(ed25519.PrivateKey)
	var fields any
	must(0, json.Unmarshal([]byte(data), &fields))
	id := must(strconv.ParseUint(schemaID, 10, 32))
	type_, schema := schemaOf(id)
	value := must(schema.AppendEncode([]byte("\x00"+u32(id)), fields))
	record := &kgo.Record{Topic: "submissions", Key: []byte(ticket), Value: value}
	for name, text := range map[string]string{
		"ce_specversion": "1.0", "ce_id": rand.Text(), "ce_source": setting("ORGANISATION"), "ce_subject": ticket,
		"ce_type": type_, "ce_time": time.Now().UTC().Format("2006-01-02T15:04:05.000Z"),
		"content-type": "application/vnd.hutong.avro",
	} {
		record.Headers = append(record.Headers, kgo.RecordHeader{Key: name, Value: []byte(text)})
	}
	name, public := fingerprint(record), key.Public().(ed25519.PublicKey)
	signature := "\x01" + keyID(public) + u32(1) + u32(0) + string(ed25519.Sign(key, signedText(1, name)))
	record.Headers = append(record.Headers, kgo.RecordHeader{Key: "signature", Value: []byte(signature)})
	client := must(kgo.NewClient(kgo.SeedBrokers(setting("BOOTSTRAP")), kgo.ProducerBatchCompression(kgo.NoCompression())))
	must(0, client.ProduceSync(context.Background(), record).FirstErr())
	return name
}

// fingerprint is the leaf hash of a record's key, value and author's headers, which have none of the city's names.
func fingerprint(record *kgo.Record) string {
	author := slices.DeleteFunc(slices.Clone(record.Headers), func(one kgo.RecordHeader) bool {
		return strings.Contains(" signature submission ledger audience category area refusal delivery hop ", " "+one.Key+" ")
	})
	slices.SortFunc(author, func(a, b kgo.RecordHeader) int { return strings.Compare(a.Key, b.Key) })
	leaf := "\x00" + label() + u32(uint64(len(author)))
	for _, one := range author {
		leaf += counted(one.Key) + counted(string(one.Value))
	}
	return sha(leaf + counted(string(record.Key)) + counted(string(record.Value)))
}

// holds climbs from a record's leaf to the root (RFC 9162, 2.1.3.2) and checks the root's signature by one of the keys.
func holds(record *kgo.Record, keys []any) bool {
	signature, node := header(record, "signature"), fingerprint(record)
	if len(signature) < 81 || signature[0] != 1 {
		return false
	}
	size, index, path := number(signature[9:13]), number(signature[13:17]), signature[81:]
	for width, at := size, index; width > 1; width, at = (width+1)/2, at/2 {
		if at^1 < width && len(path) >= 32 { // the last of an odd number has no sibling
			pair := [2]string{node, path[:32]}
			node, path = sha("\x01"+pair[at%2]+pair[1-at%2]), path[32:]
		}
	}
	return index < size && path == "" && slices.ContainsFunc(keys, func(key any) bool {
		return keyID(key.([]byte)) == signature[1:9] &&
			ed25519.Verify(key.([]byte), signedText(size, node), []byte(signature[17:81]))
	})
}

var directory []map[string]any // what the registrar wrote: the event of number i+1 at i

// keys tells which keys an organisation had at a number of the directory, which is read on as far as that.
func keys(registrar *kgo.Client, organisation string, at uint64) (keys []any) {
	for uint64(len(directory)) < at {
		record := next(registrar)
		if !holds(record, []any{must(hex.DecodeString(setting("REGISTRAR_KEY")))}) {
			continue // anybody's
		}
		event := decode(record)
		if n := event["number"].(int64) - int64(len(directory)); n == 1 {
			directory = append(directory, event)
		} else if n > 1 {
			log.Fatalf("event %d of the directory is missing", len(directory)+1)
		}
	}
	for _, event := range directory[:at] {
		if entry, whole := event["entry"].(map[string]any); whole && entry["id"] == organisation {
			keys = entry["signing_keys"].([]any)
		} else if event["organisation"] == organisation {
			keys = nil // revoked
		}
	}
	return keys
}

func decode(record *kgo.Record) (fields map[string]any) {
	_, schema := schemaOf(number(string(record.Value[1:5])))
	if rest := must(schema.Decode(record.Value[5:], &fields)); len(rest) > 0 {
		log.Fatalf("%d bytes are left over", len(rest))
	}
	return fields
}

// schemaOf tells the type that a schema belongs to, and the schema.
func schemaOf(id uint64) (string, *avro.Schema) {
	var files map[uint64]struct{ File string }
	must(0, json.Unmarshal(must(os.ReadFile(path.Join(setting("SCHEMAS"), "ids.json"))), &files))
	text := must(os.ReadFile(path.Join(setting("SCHEMAS"), files[id].File)))
	return strings.ReplaceAll(path.Dir(files[id].File), "/", "."), must(avro.Parse(string(text)))
}

func reader(topic string) *kgo.Client {
	return must(kgo.NewClient(kgo.SeedBrokers(setting("BOOTSTRAP")), kgo.ConsumeTopics(topic),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart())))
}

func next(client *kgo.Client) *kgo.Record {
	fetches := client.PollRecords(context.Background(), 1)
	return must(fetches, fetches.Err()).Records()[0]
}

// header is the last of that name: what the city writes stands at the end.
func header(record *kgo.Record, name string) (value string) {
	for _, one := range record.Headers {
		if one.Key == name {
			value = string(one.Value)
		}
	}
	return value
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func sha(text string) string     { sum := sha256.Sum256([]byte(text)); return string(sum[:]) }
func setting(name string) string { return os.Getenv("HUTONG_" + name) }
func label() string              { return "hutong/1/" + setting("ENVIRONMENT") + "\x00" }
func u32(n uint64) string        { return string(binary.BigEndian.AppendUint32(nil, uint32(n))) }
func number(data string) uint64 {
	return binary.BigEndian.Uint64([]byte(strings.Repeat("\x00", 8-len(data)) + data))
}
func counted(data string) string                 { return u32(uint64(len(data))) + data }
func keyID(public []byte) string                 { return sha(string(public))[:8] }
func signedText(size uint64, root string) []byte { return []byte(label() + "\x01" + u32(size) + root) }
