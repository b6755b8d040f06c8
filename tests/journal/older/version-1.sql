PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE batches (
	id VARCHAR NOT NULL, 
	product VARCHAR NOT NULL, 
	lot VARCHAR NOT NULL, 
	expiry VARCHAR(10) NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "batches" VALUES('MMR/A','MMR','A','2027-12-31');
CREATE TABLE certificates (
	n INTEGER NOT NULL, 
	device VARCHAR(63) NOT NULL, 
	serial VARCHAR(40) NOT NULL, 
	issued_at BIGINT NOT NULL, 
	not_after BIGINT NOT NULL, 
	revoked_at BIGINT, 
	cause VARCHAR(8), 
	PRIMARY KEY (n), 
	UNIQUE (serial)
);
CREATE TABLE claims (
	device VARCHAR(63) NOT NULL, 
	cause VARCHAR(6) NOT NULL, 
	claim VARCHAR(63) NOT NULL, 
	last_at BIGINT NOT NULL, 
	PRIMARY KEY (device)
);
CREATE TABLE custody (
	batch VARCHAR NOT NULL, 
	parcel VARCHAR NOT NULL, 
	from_at INTEGER NOT NULL, 
	to_at INTEGER, 
	asset VARCHAR NOT NULL, 
	label VARCHAR NOT NULL, 
	doses INTEGER NOT NULL, 
	PRIMARY KEY (batch, parcel, from_at), 
	FOREIGN KEY(batch) REFERENCES batches (id)
);
INSERT INTO "custody" VALUES('MMR/A','P4',1772380860000,NULL,'east/f1','',20);
CREATE TABLE device_settings (
	device VARCHAR(63) NOT NULL, 
	version BIGINT NOT NULL, 
	text TEXT NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	at BIGINT NOT NULL, 
	PRIMARY KEY (device, version)
);
INSERT INTO "device_settings" VALUES('pi-f1',1,'[sampling]
','623c298e6804fa46e57e89580bc1c9fcdeeb77634edd65633afc92c22e04bdde',1772381100000);
CREATE TABLE devices (
	device VARCHAR(63) NOT NULL, 
	site VARCHAR(63) NOT NULL, 
	heard_at BIGINT NOT NULL, 
	status TEXT NOT NULL, 
	PRIMARY KEY (device)
);
INSERT INTO "devices" VALUES('pi-f1','east',1772381340000,'{}');
CREATE TABLE enrolment_codes (
	digest VARCHAR(64) NOT NULL, 
	site VARCHAR(63) NOT NULL, 
	device VARCHAR(63) NOT NULL, 
	expires_at BIGINT NOT NULL, 
	used_at BIGINT, 
	PRIMARY KEY (digest)
);
CREATE TABLE excursions (
	id VARCHAR(16) NOT NULL, 
	thread VARCHAR(16) NOT NULL, 
	site VARCHAR NOT NULL, 
	device VARCHAR NOT NULL, 
	asset VARCHAR NOT NULL, 
	series VARCHAR NOT NULL, 
	point VARCHAR NOT NULL, 
	quantity VARCHAR NOT NULL, 
	rule VARCHAR NOT NULL, 
	profile VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	side VARCHAR NOT NULL, 
	certainty VARCHAR NOT NULL, 
	holds BOOLEAN NOT NULL, 
	tells BOOLEAN NOT NULL, 
	"limit" INTEGER, 
	snapshot JSON NOT NULL, 
	start INTEGER NOT NULL, 
	opened INTEGER NOT NULL, 
	"end" INTEGER, 
	held_ms INTEGER NOT NULL, 
	unknown_ms INTEGER NOT NULL, 
	extreme INTEGER, 
	stream VARCHAR NOT NULL, 
	first_seq INTEGER NOT NULL, 
	learned_at INTEGER NOT NULL, 
	closed_learned_at INTEGER, 
	recovered_at INTEGER, 
	opened_entry INTEGER, 
	confirmed_entry INTEGER, 
	closed_entry INTEGER, 
	recovered_entry INTEGER, 
	PRIMARY KEY (id)
);
INSERT INTO "excursions" VALUES('88520efce85a0633','88520efce85a0633','east','pi-f1','east/f1','f1/center/temperature','center','temperature','who-pqs/heat','who-pqs','consecutive','above','certain',1,1,8000,'{"above": 8000, "for_ms": 3600000, "holds": true, "id": "who-pqs/heat", "kind": "consecutive", "tells": true}',1772381400000,1772385000000,NULL,3600000,0,9500,'66310000000000000000000000000000',10,1772386800000,NULL,NULL,5,NULL,NULL,NULL);
CREATE TABLE holds (
	position INTEGER NOT NULL, 
	cause VARCHAR NOT NULL, 
	code VARCHAR NOT NULL, 
	batch VARCHAR NOT NULL, 
	parcel VARCHAR NOT NULL, 
	asset VARCHAR NOT NULL, 
	label VARCHAR NOT NULL, 
	doses INTEGER NOT NULL, 
	issued BOOLEAN NOT NULL, 
	movement INTEGER, 
	recipient VARCHAR NOT NULL, 
	exposed_asset VARCHAR NOT NULL, 
	exposed_from INTEGER NOT NULL, 
	exposed_to INTEGER, 
	since INTEGER NOT NULL, 
	since_position INTEGER NOT NULL, 
	at INTEGER NOT NULL, 
	PRIMARY KEY (position), 
	FOREIGN KEY(batch) REFERENCES batches (id)
);
INSERT INTO "holds" VALUES(6,'88520efce85a0633','excursion','MMR/A','P4','east/f1','',20,0,NULL,'','east/f1',1772381400000,1772385000000,1772381400000,9007199254740991,1772386800000);
CREATE TABLE journal (
	position INTEGER NOT NULL, 
	at INTEGER NOT NULL, 
	actor VARCHAR NOT NULL, 
	type VARCHAR NOT NULL, 
	subject VARCHAR NOT NULL, 
	body TEXT NOT NULL, 
	prev VARCHAR(64) NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	PRIMARY KEY (position)
);
INSERT INTO "journal" VALUES(1,1772380800000,'hub','settings.recorded','east/pi-f1','{"at":1772380800000,"device":"pi-f1","series":{"f1/center/temperature":{"decides":true,"interval_ms":60000,"max_gap_ms":180000,"rules":[{"above":8000,"for_ms":3600000,"holds":true,"id":"who-pqs/heat","kind":"consecutive","tells":true},{"at_or_below":-500,"for_ms":3600000,"holds":true,"id":"who-pqs/freeze","kind":"consecutive","tells":true}],"storage":[2000,8000]}},"site":"east","stream":"66310000000000000000000000000000"}','4126187c36693e70bd35960f1fd733e0b1a3ed4f6b56c6590b2b68b56fdfa3f3','fd61258cacc728bcbaec5b57b22b317087692b4bc65cc9e17d041758bded0f2c');
INSERT INTO "journal" VALUES(2,1772380800000,'hub','settings.recorded','east/pi-f2','{"at":1772380800000,"device":"pi-f2","series":{"f2/center/temperature":{"decides":true,"interval_ms":60000,"max_gap_ms":180000,"rules":[{"above":8000,"for_ms":3600000,"holds":true,"id":"who-pqs/heat","kind":"consecutive","tells":true},{"at_or_below":-500,"for_ms":3600000,"holds":true,"id":"who-pqs/freeze","kind":"consecutive","tells":true}],"storage":[2000,8000]}},"site":"east","stream":"66320000000000000000000000000000"}','fd61258cacc728bcbaec5b57b22b317087692b4bc65cc9e17d041758bded0f2c','b455849db2764187458bbfad77e42e78ff28057b3d13a45b069127f3f37a7648');
INSERT INTO "journal" VALUES(3,1772380800000,'hub','settings.recorded','east/pi-f3','{"at":1772380800000,"device":"pi-f3","series":{"f3/center/temperature":{"decides":true,"interval_ms":60000,"max_gap_ms":180000,"rules":[{"above":8000,"for_ms":3600000,"holds":true,"id":"who-pqs/heat","kind":"consecutive","tells":true},{"at_or_below":-500,"for_ms":3600000,"holds":true,"id":"who-pqs/freeze","kind":"consecutive","tells":true}],"storage":[2000,8000]}},"site":"east","stream":"66330000000000000000000000000000"}','b455849db2764187458bbfad77e42e78ff28057b3d13a45b069127f3f37a7648','b520913f7bef7b2656f77337519bf38d7a8f8320373ff299ad8cefe95bf74aae');
INSERT INTO "journal" VALUES(4,1772380860000,'Li','ledger.received','MMR/A','{"at":1772380860000,"batch":"MMR/A","doses":20,"expiry":"2027-12-31","lot":"A","product":"MMR","target":"east/f1","target_label":""}','b520913f7bef7b2656f77337519bf38d7a8f8320373ff299ad8cefe95bf74aae','38e0375f8005409de5248e69a9526ee6515ef4065ea4b1b8cfdca4a6d210c33d');
INSERT INTO "journal" VALUES(5,1772386800000,'hub','excursion.opened','88520efce85a0633','{"certainty":"certain","device":"pi-f1","end":null,"extreme":9500,"first_seq":10,"held_ms":3600000,"id":"88520efce85a0633","kind":"consecutive","limit":8000,"opened":1772385000000,"reason":"held-time-reached","rule":{"above":8000,"for_ms":3600000,"holds":true,"id":"who-pqs/heat","kind":"consecutive","tells":true},"seq":70,"series":"f1/center/temperature","side":"above","site":"east","start":1772381400000,"stream":"66310000000000000000000000000000","thread":"88520efce85a0633","unknown_ms":0,"value":9500}','38e0375f8005409de5248e69a9526ee6515ef4065ea4b1b8cfdca4a6d210c33d','757d6557569fbb307d9e35544af1c74cbf1e1c039e2ed4102b5bc901feede7b9');
INSERT INTO "journal" VALUES(6,1772386800000,'hub','ledger.held','MMR/A','{"asset":"east/f1","batch":"MMR/A","cause":"88520efce85a0633","code":"excursion","doses":20,"exposed_asset":"east/f1","exposed_from":1772381400000,"exposed_to":1772385000000,"label":"","movement":null,"parcel":"P4","recipient":"","since":1772381400000,"since_position":9007199254740991}','757d6557569fbb307d9e35544af1c74cbf1e1c039e2ed4102b5bc901feede7b9','515ad6c018aeafbd2bd5cefae2a575d4547cbc24388717052e6c389118265ada');
INSERT INTO "journal" VALUES(7,1772381100000,'Li','settings.pushed','pi-f1','{"reason":"second fridge","sha256":"623c298e6804fa46e57e89580bc1c9fcdeeb77634edd65633afc92c22e04bdde","version":1}','515ad6c018aeafbd2bd5cefae2a575d4547cbc24388717052e6c389118265ada','8dfed7fbb31515bff5470c0c519347cb8f3618060a00c7c4a7be2822cb92f957');
INSERT INTO "journal" VALUES(8,1772385000000,'hub','hub.started','hub','{}','8dfed7fbb31515bff5470c0c519347cb8f3618060a00c7c4a7be2822cb92f957','1ef14e0f0290f78d3146e95879ec39e03fc59fc1a75a16ca75bf2946df1c6917');
CREATE TABLE movements (
	position INTEGER NOT NULL, 
	batch VARCHAR NOT NULL, 
	at INTEGER NOT NULL, 
	kind VARCHAR NOT NULL, 
	source VARCHAR, 
	source_label VARCHAR NOT NULL, 
	target VARCHAR, 
	target_label VARCHAR NOT NULL, 
	doses INTEGER NOT NULL, 
	actor VARCHAR NOT NULL, 
	recipient VARCHAR NOT NULL, 
	PRIMARY KEY (position), 
	FOREIGN KEY(batch) REFERENCES batches (id)
);
INSERT INTO "movements" VALUES(4,'MMR/A',1772380860000,'received',NULL,'','east/f1','',20,'Li','');
CREATE TABLE notices (
	id INTEGER NOT NULL, 
	excursion VARCHAR(16) NOT NULL, 
	happening VARCHAR(12) NOT NULL, 
	person VARCHAR(63) NOT NULL, 
	site VARCHAR(63) NOT NULL, 
	asset VARCHAR(127) NOT NULL, 
	side VARCHAR(8) NOT NULL, 
	created_at BIGINT NOT NULL, 
	sms VARCHAR(40), 
	PRIMARY KEY (id), 
	FOREIGN KEY(sms) REFERENCES sms (id)
);
INSERT INTO "notices" VALUES(1,'0000000000000000','opened','li','east','east/f1','above',1772384400000,'000000000001-ab');
CREATE TABLE probe_certificates (
	site VARCHAR NOT NULL, 
	device VARCHAR NOT NULL, 
	series VARCHAR NOT NULL, 
	due VARCHAR NOT NULL, 
	calibration JSON NOT NULL, 
	since INTEGER NOT NULL, 
	PRIMARY KEY (site, device, series)
);
CREATE TABLE quarantine (
	id INTEGER NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	topic TEXT NOT NULL, 
	stream VARCHAR(32), 
	seq BIGINT, 
	reason TEXT NOT NULL, 
	bytes BLOB NOT NULL, 
	size BIGINT NOT NULL, 
	times BIGINT NOT NULL, 
	first_at BIGINT NOT NULL, 
	last_at BIGINT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (digest)
);
INSERT INTO "quarantine" VALUES(1,'7311076cd9559324a6352e1e886885cc6b1a0ad428d5486a4928b2799bf9c4fa','coldwatch/1/x/y/records',NULL,NULL,'unreadable',X'0077686174',5,1,1772380980000,1772380980000);
CREATE TABLE sms (
	id VARCHAR(40) NOT NULL, 
	person VARCHAR(63) NOT NULL, 
	phone VARCHAR(20) NOT NULL, 
	language VARCHAR(2) NOT NULL, 
	text TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	state VARCHAR(10) NOT NULL, 
	handed_at BIGINT, 
	sent_at BIGINT, 
	reason TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "sms" VALUES('000000000001-ab','li','+8613900000001','zh','东门 1号冰箱 9.0',1772384400000,'sent',1772384400000,1772384460000,'');
CREATE TABLE streams (
	stream VARCHAR(32) NOT NULL, 
	site VARCHAR(63) NOT NULL, 
	device VARCHAR(63) NOT NULL, 
	judged_seq BIGINT NOT NULL, 
	judged_h BLOB NOT NULL, 
	stored_seq BIGINT NOT NULL, 
	stored_h BLOB NOT NULL, 
	newest_at BIGINT NOT NULL, 
	opened_at BIGINT NOT NULL, 
	watches TEXT NOT NULL, 
	engine TEXT NOT NULL, 
	PRIMARY KEY (stream)
);
CREATE TABLE watches (
	site VARCHAR NOT NULL, 
	device VARCHAR NOT NULL, 
	series VARCHAR NOT NULL, 
	asset VARCHAR NOT NULL, 
	decides BOOLEAN NOT NULL, 
	storage_low INTEGER, 
	storage_high INTEGER, 
	interval_ms INTEGER NOT NULL, 
	max_gap_ms INTEGER NOT NULL, 
	stream VARCHAR NOT NULL, 
	since INTEGER NOT NULL, 
	PRIMARY KEY (site, device, series)
);
INSERT INTO "watches" VALUES('east','pi-f1','f1/center/temperature','east/f1',1,2000,8000,60000,180000,'66310000000000000000000000000000',1772380800000);
INSERT INTO "watches" VALUES('east','pi-f2','f2/center/temperature','east/f2',1,2000,8000,60000,180000,'66320000000000000000000000000000',1772380800000);
INSERT INTO "watches" VALUES('east','pi-f3','f3/center/temperature','east/f3',1,2000,8000,60000,180000,'66330000000000000000000000000000',1772380800000);
CREATE INDEX sms_by_state ON sms (state);
CREATE INDEX certificates_by_device ON certificates (device);
CREATE INDEX journal_by_subject ON journal (subject, position);
CREATE INDEX journal_by_type ON journal (type, position);
CREATE INDEX ix_batches_lot ON batches (lot);
CREATE INDEX watches_by_asset ON watches (asset);
CREATE INDEX excursions_by_asset ON excursions (asset, start);
CREATE INDEX excursions_open ON excursions ("end");
CREATE INDEX excursions_by_start ON excursions (start);
CREATE UNIQUE INDEX notices_once ON notices (excursion, happening, person);
CREATE INDEX notices_by_sms ON notices (sms);
CREATE INDEX movements_by_batch ON movements (batch, at);
CREATE INDEX custody_by_asset ON custody (asset, from_at);
CREATE INDEX holds_by_batch ON holds (batch, cause);
CREATE TRIGGER guard_device_settings_update BEFORE UPDATE ON device_settings BEGIN SELECT RAISE(ABORT, 'device_settings is append-only'); END;
CREATE TRIGGER guard_device_settings_delete BEFORE DELETE ON device_settings BEGIN SELECT RAISE(ABORT, 'device_settings is append-only'); END;
CREATE TRIGGER guard_device_settings_replace BEFORE INSERT ON device_settings WHEN EXISTS (SELECT 1 FROM device_settings WHERE (device = NEW.device AND version = NEW.version)) BEGIN SELECT RAISE(ABORT, 'device_settings is append-only'); END;
CREATE TRIGGER guard_journal_update BEFORE UPDATE ON journal BEGIN SELECT RAISE(ABORT, 'journal is append-only'); END;
CREATE TRIGGER guard_journal_delete BEFORE DELETE ON journal BEGIN SELECT RAISE(ABORT, 'journal is append-only'); END;
CREATE TRIGGER guard_journal_replace BEFORE INSERT ON journal WHEN EXISTS (SELECT 1 FROM journal WHERE (position = NEW.position)) BEGIN SELECT RAISE(ABORT, 'journal is append-only'); END;
COMMIT;
