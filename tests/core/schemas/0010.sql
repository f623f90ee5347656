BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0010');
CREATE TABLE artefact (
	trial_id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	path TEXT NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	bytes BIGINT NOT NULL, 
	PRIMARY KEY (trial_id, name), 
	FOREIGN KEY(trial_id) REFERENCES trial (id)
);
CREATE TABLE code (
	hash VARCHAR(64) NOT NULL, 
	text TEXT NOT NULL, 
	PRIMARY KEY (hash)
);
INSERT INTO "code" VALUES('9e26bf369911c45c243c684147b23fc9e1dcfcf257d299a1c632016a6fcd33f4','x = 1
');
INSERT INTO "code" VALUES('649a041d564bcf2293b3995ef83e3ff9c63877de78289e81322df09698512756','x = 2  # ä
');
CREATE TABLE collection (
	id INTEGER NOT NULL, 
	uid VARCHAR(32) NOT NULL, 
	name TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	spec TEXT NOT NULL, 
	provenance TEXT NOT NULL, 
	created TEXT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (uid), 
	UNIQUE (name)
);
CREATE TABLE dataset (
	id INTEGER NOT NULL, 
	fingerprint VARCHAR(32) NOT NULL, 
	folder TEXT NOT NULL, 
	class_names TEXT NOT NULL, 
	parts TEXT NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT uq_dataset_fingerprint UNIQUE (fingerprint)
);
CREATE TABLE fact (
	trial_id INTEGER NOT NULL, 
	epoch INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (trial_id, epoch, name), 
	FOREIGN KEY(trial_id) REFERENCES trial (id)
);
CREATE TABLE loader (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (name, hash), 
	CONSTRAINT fk_loader_hash FOREIGN KEY(hash) REFERENCES code (hash)
);
CREATE TABLE member (
	collection_id INTEGER NOT NULL, 
	role TEXT NOT NULL, 
	position INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	PRIMARY KEY (collection_id, role, position), 
	FOREIGN KEY(collection_id) REFERENCES collection (id), 
	FOREIGN KEY(trial_id) REFERENCES trial (id)
);
CREATE TABLE metric (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (name, hash), 
	CONSTRAINT fk_metric_hash FOREIGN KEY(hash) REFERENCES code (hash)
);
CREATE TABLE nn (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (name, hash), 
	CONSTRAINT fk_nn_hash FOREIGN KEY(hash) REFERENCES code (hash)
);
INSERT INTO "nn" VALUES(1,'Mine','9e26bf369911c45c243c684147b23fc9e1dcfcf257d299a1c632016a6fcd33f4');
INSERT INTO "nn" VALUES(2,'Old','649a041d564bcf2293b3995ef83e3ff9c63877de78289e81322df09698512756');
CREATE TABLE owner (
	id VARCHAR(32) NOT NULL, 
	host TEXT NOT NULL, 
	process TEXT NOT NULL, 
	beat VARCHAR(16) NOT NULL, 
	seen TEXT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE prm (
	uid VARCHAR(32) NOT NULL, 
	name TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (uid, name)
);
CREATE TABLE sketch (
	hash VARCHAR(64) NOT NULL, 
	tree VARCHAR(64) NOT NULL, 
	signature BLOB NOT NULL, 
	PRIMARY KEY (hash)
);
INSERT INTO "sketch" VALUES('9e26bf369911c45c243c684147b23fc9e1dcfcf257d299a1c632016a6fcd33f4','46e9cbe0aaf06e0ae3e22e798a8b499b7cda02ddc4c7a95bf873a0dbc0303547',X'5FA4F1181E3F0853C4D0B63ADDC3A81288CA6D1DD0D4880AB2A53313B9D17C2755425B3664C27C35E74F91325E27ED2A25A37E03BFFCBB448C1C4801F590C84C82495A15B9648007301D311004B9863AA585310D87114E2369721624BBA0C51090A7A60A734F5774FA0E481DB5180241F94F8127146F85198B27D011F9B0D40E9589FA92B895792685643F1F294E4A05A7AF65209E664F154054270DD634C506164D5E103FB40B085187063F216CFB1F138F5521CF03EC077940F40A4E8F04012CDBA91535EB0C0D4161E72359702E411FB351025633734919098601DE0FEE1451D9FA410A14CD170953060CA3D5351CA534BC2E9B524E00219CC805D2457F1EE714C01CC3FDC61951F36122DD3FD1243AFA910CF199714EA38DEC34E9833912338C001CC51F6708257CFA28086DB50A82F2112B336BF1167A2FAF1C2E772B0EC0859820AFDA1A3ECF6CAF1808810503E217E7033E7D0807CF0FC73E32270B1EAEA0B04BF1AEA345597A1559F035B9020EB2966FB2D5150F0F85C4240C54700900BA9A0CC7499915027F042062983C128CA8330383389B52C96A800433905204AF54EE6D52014E06B8BDB646CBEABE01D050E116FC63D215B6E73F0CCE23510B9F04A21DB5B8BD15412F8B568F08740D4F8AF674D1FD0D5272778603E53F0E06C7FB6803FBBB8242980E5C1502266303B8F40211A0784F02FF69DB3B361D1C48');
INSERT INTO "sketch" VALUES('649a041d564bcf2293b3995ef83e3ff9c63877de78289e81322df09698512756','65997c267db443b7f02b56e367db9b0d1c51f9788db079572c7e2f1de34d7979',X'5FA4F118262D7949CF0BBC53AA17D62988CA6D1DD0D4880AEBDC7302B9D17C27C507540537EF863B85F41536D8B9347725A37E03C133DF6C8C1C480178D6336282495A15B96480076106F42BC1065225E070B00B64FB2B4F3953260BBBA0C51090A7A60AEE564164FA0E481DB5180241C67EDA0C146F85194C020B83F9B0D40ED274FC5EB895792685643F1FCDD93A04A7AF65209E664F15E299C103D634C506164D5E10F725C21FE4A6EF56216CFB1F055CE52817E2E71359C2C36D7D6717152CDBA915D2A2C41A5201713CCFE6EC4E0104810CF8E05A6819098601DE0FEE1451D9FA410A14CD171C531C09A3D5351C737F9F4E9B524E001A1C8825D2457F1EA927AC09C3FDC6197397964BA904EA523AFA910C1C4E7563A38DEC34B6E8362F338C001CC51F67083CE2725F086DB50A82F2112B9526380E7A2FAF1C2E772B0EC0859820A9D60122F7D80A0408810503E217E7033E7D08079AA5C355AF81441F29809F63F1AEA3451B6CF542F035B9026F2A4349B2D5150FCB7315000C54700900BA9A0C5867FC02027F04200AAC5F0F8CA8330383389B52C96A800433905204313F9D3B52014E06FB199140CBEABE017AE7020EFC63D215B6E73F0C40A5030A584E7861F975E11D412F8B567E517C2B696EA563E96B055DAB55EC18E53F0E0613EA000BFBBB82428521E31102266303FD7E0242A0784F029A00B20E361D1C48');
CREATE TABLE source (
	id INTEGER NOT NULL, 
	place TEXT NOT NULL, 
	form TEXT NOT NULL, 
	taken TEXT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE stat (
	trial_id INTEGER NOT NULL, 
	epoch INTEGER NOT NULL, 
	accuracy FLOAT NOT NULL, 
	validation FLOAT, 
	loss FLOAT, 
	duration BIGINT, 
	scores TEXT, 
	within TEXT, 
	source_id INTEGER, 
	record VARCHAR(32), 
	extra TEXT, 
	PRIMARY KEY (trial_id, epoch), 
	CONSTRAINT uq_stat_record UNIQUE (record), 
	FOREIGN KEY(trial_id) REFERENCES trial (id), 
	CONSTRAINT fk_stat_source_id FOREIGN KEY(source_id) REFERENCES source (id)
);
CREATE TABLE transform (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (name, hash), 
	CONSTRAINT fk_transform_hash FOREIGN KEY(hash) REFERENCES code (hash)
);
CREATE TABLE trial (
	id INTEGER NOT NULL, 
	uid VARCHAR(32) NOT NULL, 
	task TEXT NOT NULL, 
	dataset TEXT NOT NULL, 
	metric TEXT NOT NULL, 
	nn TEXT NOT NULL, 
	prm VARCHAR(32) NOT NULL, 
	state TEXT NOT NULL, 
	predicted FLOAT, 
	estimate TEXT, 
	number INTEGER, 
	dataset_id INTEGER, 
	loader_id INTEGER, 
	metric_id INTEGER, 
	nn_id INTEGER, 
	transform_id INTEGER, 
	seed INTEGER, 
	epochs INTEGER, 
	device TEXT, 
	parameters BIGINT, 
	in_shape TEXT, 
	out_shape TEXT, 
	left_out TEXT, 
	versions JSON NOT NULL, 
	owner TEXT, 
	started TEXT, 
	seen TEXT, 
	ended TEXT, 
	reason TEXT NOT NULL, 
	traceback TEXT NOT NULL, 
	recipe VARCHAR(32), 
	PRIMARY KEY (id), 
	UNIQUE (task, dataset, metric, nn, number), 
	UNIQUE (uid), 
	CONSTRAINT fk_trial_dataset_id FOREIGN KEY(dataset_id) REFERENCES dataset (id), 
	FOREIGN KEY(loader_id) REFERENCES loader (id), 
	FOREIGN KEY(metric_id) REFERENCES metric (id), 
	FOREIGN KEY(nn_id) REFERENCES nn (id), 
	FOREIGN KEY(transform_id) REFERENCES transform (id)
);
CREATE TABLE verdict (
	asked VARCHAR(32) NOT NULL, 
	name TEXT NOT NULL, 
	nn_id INTEGER, 
	task TEXT NOT NULL, 
	dataset TEXT NOT NULL, 
	metric TEXT NOT NULL, 
	valid BOOLEAN NOT NULL, 
	facts TEXT NOT NULL, 
	checked TEXT NOT NULL, 
	PRIMARY KEY (asked, checked), 
	FOREIGN KEY(nn_id) REFERENCES nn (id)
);
INSERT INTO "verdict" VALUES('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','Mine',1,'img-classification','digits','acc',1,'{"name": "Mine", "valid": true, "step": "epochs", "reason": "", "line": null, "traceback": "", "prm": {"momentum": 0.5, "lr": 0.1, "batch": 32, "transform": "norm_32"}, "parameters": 10, "multiply_adds": null, "validation": 0.25, "score": 0.5, "seconds": 1.5, "novelty": {"duplicate_of": null, "nearest": "ResNet", "similarity": 0.125}, "quality": {"findings": [[3, "F401: unused"]], "complexity": 2}, "reaches": [[1, "imports os"]], "not_enforced": [], "limit": "", "walls": "bubblewrap", "limits": {"seconds": 600.0, "memory_bytes": 4294967296, "processes": 32, "scratch_bytes": 268435456}, "versions": {"python": "3.11.9", "lemur-core": "0.2.0", "torch": "2.15.0"}, "replaces": [], "score_per_second": 0.3333333333333333}','2026-10-01T08:00:00.000+00:00');
INSERT INTO "verdict" VALUES('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','Mine',1,'img-classification','digits','acc',1,'{"name": "Mine", "valid": true, "step": "epochs", "reason": "", "line": null, "traceback": "", "prm": {"momentum": 0.5, "lr": 0.1, "batch": 32, "transform": "norm_32"}, "parameters": 10, "multiply_adds": null, "validation": 0.25, "score": 0.5, "seconds": 1.5, "novelty": {"duplicate_of": null, "nearest": "ResNet", "similarity": 0.125}, "quality": {"findings": [[3, "F401: unused"]], "complexity": 2}, "reaches": [[1, "imports os"]], "not_enforced": [], "limit": "", "walls": "bubblewrap", "limits": {"seconds": Infinity, "memory_bytes": 4294967296, "processes": 32, "scratch_bytes": 268435456}, "versions": {"python": "3.11.9", "lemur-core": "0.2.0", "torch": "2.15.0"}, "replaces": [], "score_per_second": 0.3333333333333333}','2026-10-02T08:00:00.000+00:00');
INSERT INTO "verdict" VALUES('bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb','Old',2,'img-classification','digits','acc',1,'{"name": "Old", "valid": true, "step": "epochs", "not_enforced": ["network"], "reaches": [], "novelty": null, "quality": null}','2026-01-01T08:00:00.000+00:00');
INSERT INTO "verdict" VALUES('cccccccccccccccccccccccccccccccc','unreadable',NULL,'img-classification','digits','acc',0,'{"name": "unreadable", "valid": false, "step": "parse", "reason": "is no Python: \ud800 \u0000 \"quoted\"", "line": null, "traceback": "", "prm": {"momentum": 0.5, "lr": 0.1, "batch": 32, "transform": "norm_32"}, "parameters": 10, "multiply_adds": null, "validation": 0.25, "score": 0.5, "seconds": 1.5, "novelty": null, "quality": null, "reaches": [[1, "imports os"]], "not_enforced": [], "limit": "", "walls": "bubblewrap", "limits": {"seconds": 600.0, "memory_bytes": 4294967296, "processes": 32, "scratch_bytes": 268435456}, "versions": {"python": "3.11.9", "lemur-core": "0.2.0", "torch": "2.15.0"}, "replaces": [], "score_per_second": 0.3333333333333333}','2026-10-03T08:00:00.000+00:00');
CREATE INDEX ix_trial_nn ON trial (nn);
CREATE INDEX ix_trial_dataset ON trial (dataset);
CREATE INDEX ix_trial_prm ON trial (prm);
CREATE INDEX ix_verdict_name ON verdict (name);
CREATE INDEX ix_stat_epoch ON stat (epoch);
CREATE INDEX ix_member_trial ON member (trial_id);
COMMIT;
