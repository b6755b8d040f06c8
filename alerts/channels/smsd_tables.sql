-- The tables of gammu-smsd's SQL service on SQLite, version 17 (gammu 1.38.5 and later).
-- Our own statements, made from gammu-smsd-tables(7); smsd_schema.py says why.
--
-- `UpdatedInDB` is ours to read, in UTC with milliseconds; smsd never looks at it. The times that
-- smsd compares with the local time are given by whoever writes a row; where they are not, they
-- have passed in every zone.

CREATE TABLE gammu (Version INTEGER NOT NULL PRIMARY KEY);
INSERT INTO gammu (Version) VALUES (17);
CREATE TABLE inbox (
    ID INTEGER PRIMARY KEY AUTOINCREMENT,
    UpdatedInDB TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    ReceivingDateTime TEXT NOT NULL DEFAULT (datetime('now')),
    Text TEXT NOT NULL,
    SenderNumber TEXT NOT NULL DEFAULT '',
    Coding TEXT NOT NULL DEFAULT 'Default_No_Compression',
    UDH TEXT NOT NULL,
    SMSCNumber TEXT NOT NULL DEFAULT '',
    Class INTEGER NOT NULL DEFAULT -1,
    TextDecoded TEXT NOT NULL DEFAULT '',
    RecipientID TEXT NOT NULL,
    Processed TEXT NOT NULL DEFAULT 'false',
    Status INTEGER NOT NULL DEFAULT -1
);
CREATE TABLE outbox (
    ID INTEGER PRIMARY KEY AUTOINCREMENT,
    UpdatedInDB TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    InsertIntoDB TEXT NOT NULL DEFAULT (datetime('now')),
    SendingDateTime TEXT NOT NULL DEFAULT '2000-01-01 00:00:00',
    SendBefore TEXT NOT NULL DEFAULT '23:59:59',
    SendAfter TEXT NOT NULL DEFAULT '00:00:00',
    Text TEXT,
    DestinationNumber TEXT NOT NULL DEFAULT '',
    Coding TEXT NOT NULL DEFAULT 'Default_No_Compression',
    UDH TEXT,
    Class INTEGER DEFAULT -1,
    TextDecoded TEXT NOT NULL DEFAULT '',
    MultiPart TEXT NOT NULL DEFAULT 'false',
    RelativeValidity INTEGER DEFAULT -1,
    SenderID TEXT,
    SendingTimeOut TEXT NOT NULL DEFAULT '2000-01-01 00:00:00',
    DeliveryReport TEXT DEFAULT 'default',
    CreatorID TEXT NOT NULL,
    Retries INTEGER DEFAULT 0,
    Priority INTEGER DEFAULT 0,
    Status TEXT NOT NULL DEFAULT 'Reserved',
    StatusCode INTEGER NOT NULL DEFAULT -1
);
CREATE TABLE outbox_multipart (
    ID INTEGER NOT NULL,
    SequencePosition INTEGER NOT NULL DEFAULT 1,
    Text TEXT,
    Coding TEXT NOT NULL DEFAULT 'Default_No_Compression',
    UDH TEXT,
    Class INTEGER DEFAULT -1,
    TextDecoded TEXT,
    Status TEXT NOT NULL DEFAULT 'Reserved',
    StatusCode INTEGER NOT NULL DEFAULT -1,
    PRIMARY KEY (ID, SequencePosition)
);
CREATE TABLE sentitems (
    ID INTEGER NOT NULL,
    SequencePosition INTEGER NOT NULL DEFAULT 1,
    UpdatedInDB TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    InsertIntoDB TEXT NOT NULL DEFAULT (datetime('now')),
    SendingDateTime TEXT NOT NULL DEFAULT (datetime('now')),
    DeliveryDateTime TEXT,
    Text TEXT NOT NULL,
    DestinationNumber TEXT NOT NULL DEFAULT '',
    Coding TEXT NOT NULL DEFAULT 'Default_No_Compression',
    UDH TEXT NOT NULL,
    SMSCNumber TEXT NOT NULL DEFAULT '',
    Class INTEGER NOT NULL DEFAULT -1,
    TextDecoded TEXT NOT NULL DEFAULT '',
    SenderID TEXT NOT NULL,
    Status TEXT NOT NULL DEFAULT 'SendingOK',
    StatusError INTEGER NOT NULL DEFAULT -1,
    TPMR INTEGER NOT NULL DEFAULT -1,
    RelativeValidity INTEGER NOT NULL DEFAULT -1,
    CreatorID TEXT NOT NULL,
    StatusCode INTEGER NOT NULL DEFAULT -1,
    PRIMARY KEY (ID, SequencePosition)
);
CREATE INDEX sentitems_report ON sentitems (TPMR, DestinationNumber);
CREATE TABLE phones (
    IMEI TEXT PRIMARY KEY NOT NULL,
    ID TEXT NOT NULL,
    UpdatedInDB TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    InsertIntoDB TEXT NOT NULL DEFAULT (datetime('now')),
    TimeOut TEXT NOT NULL DEFAULT (datetime('now')),
    Send TEXT NOT NULL DEFAULT 'no',
    Receive TEXT NOT NULL DEFAULT 'no',
    IMSI TEXT NOT NULL,
    NetCode TEXT DEFAULT 'ERROR',
    NetName TEXT DEFAULT 'ERROR',
    Client TEXT NOT NULL,
    Battery INTEGER NOT NULL DEFAULT -1,
    Signal INTEGER NOT NULL DEFAULT -1,
    Sent INTEGER NOT NULL DEFAULT 0,
    Received INTEGER NOT NULL DEFAULT 0
);
CREATE TRIGGER phones_updated AFTER UPDATE OF TimeOut ON phones
BEGIN
    UPDATE phones SET UpdatedInDB = (strftime('%Y-%m-%d %H:%M:%f', 'now')) WHERE IMEI = old.IMEI;
END;
