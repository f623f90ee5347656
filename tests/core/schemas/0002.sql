BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0002');
CREATE TABLE loader (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	code TEXT NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (name, hash)
);
INSERT INTO "loader" VALUES(1,'any','# a net
','18909824ebdc644e11dc929845722f3ebe01516eb2ea2f2100a59f33c4cf9e9b');
CREATE TABLE metric (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	code TEXT NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (name, hash)
);
INSERT INTO "metric" VALUES(1,'any','# a net
','18909824ebdc644e11dc929845722f3ebe01516eb2ea2f2100a59f33c4cf9e9b');
CREATE TABLE nn (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	code TEXT NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (name, hash)
);
INSERT INTO "nn" VALUES(1,'any','# a net
','18909824ebdc644e11dc929845722f3ebe01516eb2ea2f2100a59f33c4cf9e9b');
CREATE TABLE prm (
	uid VARCHAR(32) NOT NULL, 
	name TEXT NOT NULL, 
	value JSON NOT NULL, 
	PRIMARY KEY (uid, name)
);
INSERT INTO "prm" VALUES('5bcd30f4362583da4c6d4a3ce4786aaf','batch',16);
INSERT INTO "prm" VALUES('5bcd30f4362583da4c6d4a3ce4786aaf','lr',0.1);
INSERT INTO "prm" VALUES('5bcd30f4362583da4c6d4a3ce4786aaf','transform','"plain"');
INSERT INTO "prm" VALUES('c79cf6d39455cd69acc322b17f5bd731','batch',16);
INSERT INTO "prm" VALUES('c79cf6d39455cd69acc322b17f5bd731','lr',0.2);
INSERT INTO "prm" VALUES('c79cf6d39455cd69acc322b17f5bd731','transform','"plain"');
CREATE TABLE stat (
	trial_id INTEGER NOT NULL, 
	epoch INTEGER NOT NULL, 
	accuracy FLOAT NOT NULL, 
	validation FLOAT NOT NULL, 
	loss FLOAT, 
	duration BIGINT NOT NULL, 
	scores TEXT, 
	PRIMARY KEY (trial_id, epoch), 
	FOREIGN KEY(trial_id) REFERENCES trial (id)
);
INSERT INTO "stat" VALUES(1,1,0.25,0.75,0.5,1000000000000,NULL);
INSERT INTO "stat" VALUES(1,2,0.25,0.75,0.5,2000000000000,NULL);
INSERT INTO "stat" VALUES(2,1,0.5,0.75,0.5,1000000000000,'{"f1": [0.5, 0.25]}');
INSERT INTO "stat" VALUES(2,2,0.5,0.75,0.5,2000000000000,'{"f1": [0.5, 0.25]}');
CREATE TABLE transform (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	code TEXT NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (name, hash)
);
INSERT INTO "transform" VALUES(1,'any','# a net
','18909824ebdc644e11dc929845722f3ebe01516eb2ea2f2100a59f33c4cf9e9b');
CREATE TABLE trial (
	id INTEGER NOT NULL, 
	uid VARCHAR(32) NOT NULL, 
	task TEXT NOT NULL, 
	dataset TEXT NOT NULL, 
	metric TEXT NOT NULL, 
	nn TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	loader_id INTEGER NOT NULL, 
	metric_id INTEGER NOT NULL, 
	nn_id INTEGER NOT NULL, 
	transform_id INTEGER NOT NULL, 
	prm VARCHAR(32) NOT NULL, 
	seed INTEGER NOT NULL, 
	epochs INTEGER NOT NULL, 
	state TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	traceback TEXT NOT NULL, 
	device TEXT NOT NULL, 
	versions JSON NOT NULL, 
	owner TEXT NOT NULL, 
	started TEXT NOT NULL, 
	seen TEXT NOT NULL, 
	ended TEXT, 
	PRIMARY KEY (id), 
	UNIQUE (task, dataset, metric, nn, number), 
	UNIQUE (uid), 
	FOREIGN KEY(loader_id) REFERENCES loader (id), 
	FOREIGN KEY(metric_id) REFERENCES metric (id), 
	FOREIGN KEY(nn_id) REFERENCES nn (id), 
	FOREIGN KEY(transform_id) REFERENCES transform (id)
);
INSERT INTO "trial" VALUES(1,'00000000000000000000000000000001','task','data','score','Net',1,1,1,1,1,'5bcd30f4362583da4c6d4a3ce4786aaf',7,2,'finished','','','cpu','{"torch": "2"}','host 1 1','2026-11-23T12:00:00.953+00:00','2026-11-23T12:00:00.954+00:00','2026-11-23T12:00:00.954+00:00');
INSERT INTO "trial" VALUES(2,'00000000000000000000000000000002','task','data','score','Net',2,1,1,1,1,'c79cf6d39455cd69acc322b17f5bd731',7,2,'finished','','','cpu','{"torch": "2"}','host 1 1','2026-11-23T12:00:00.956+00:00','2026-11-23T12:00:00.957+00:00','2026-11-23T12:00:00.957+00:00');
CREATE INDEX ix_trial_prm ON trial (prm);
COMMIT;
